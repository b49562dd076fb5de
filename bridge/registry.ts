/**
 * Every component there is: a visible list, so that what can be configured is what is written here.
 */
import type { ExporterSpec, ReceiverSpec } from './core/component.ts';
import { debug } from './exporters/debug.ts';
import { jsonl as jsonlExporter } from './exporters/jsonl.ts';
import { monitoringDb as monitoringDbExporter } from './exporters/monitoring_db/index.ts';
import { otlp } from './exporters/otlp/index.ts';
import { otlpJson } from './exporters/otlp_json.ts';
import { prometheus } from './exporters/prometheus.ts';
import { capture } from './receivers/capture.ts';
import { demo } from './receivers/demo.ts';
import { filesystem } from './receivers/filesystem/index.ts';
import { http } from './receivers/http.ts';
import { jsonl } from './receivers/jsonl.ts';
import { monitoringDb as monitoringDbReceiver } from './receivers/monitoring_db/index.ts';
import { otlp as otlpReceiver } from './receivers/otlp.ts';
import { runDir } from './receivers/run_dir/index.ts';
import { udp } from './receivers/udp/index.ts';
import { zmq } from './receivers/zmq/index.ts';

export const receivers: readonly ReceiverSpec[] = [
  udp, zmq, filesystem, http, jsonl, capture, monitoringDbReceiver, runDir, otlpReceiver, demo,
] as ReceiverSpec[]; // prettier-ignore

export const exporters: readonly ExporterSpec[] = [
  otlp, prometheus, monitoringDbExporter, jsonlExporter, otlpJson, debug,
] as ExporterSpec[]; // prettier-ignore
