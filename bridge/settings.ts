/** What a configuration says beside its receivers and exporters: one strict schema, which is also the defaults. */
import { z } from 'zod';

import { listenAddress, publishedAddress } from './core/listen.ts';
import { namedZone } from './core/time.ts';
import { liveLimits as live } from './processors/operators.ts';

export const settings = z.strictObject({
  time_zone: z
    .string()
    .refine((name) => namedZone(name, 'config') !== undefined, 'must be a zone such as Europe/Berlin, UTC or +01:00')
    .optional()
    .describe(
      'Zone of Parsl’s naive times, for runs that do not tell it. Default: what the run’s logs, else arrival times tell.',
    ),
  http: z
    .strictObject({
      listen: listenAddress.default('127.0.0.1:4380').describe('Where the page, the API and HTTP receivers listen.'),
      token: z
        .string()
        .min(16)
        .optional()
        .describe('Bearer token; needed off loopback. Default: a random one, in the connection file.'),
      published: publishedAddress.describe(
        'Where senders and browsers reach it, if not at listen: where a container’s port is published. If that is loopback, none but this machine may reach it.',
      ),
    })
    .prefault({}),
  closing: z
    .strictObject({
      settle_ms: z
        .int()
        .min(0)
        .max(600_000)
        .default(2_000)
        .describe('Pause before a try of which all is known closes.'),
      silence_ms: z
        .int()
        .min(60_000)
        .default(604_800_000)
        .describe(
          'A run of which nothing was heard for so long is closed as it stands; Parsl’s end message may never come.',
        ),
      linger_ms: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(30_000)
        .describe('Wait for the rest after the first known end.'),
    })
    .prefault({}),
  journal: z
    .strictObject({
      retention_bytes: z
        .int()
        .min(0)
        .default(1_073_741_824)
        .describe('Entries that nothing needs are dropped beyond it.'),
      bytes_max: z.int().min(1_048_576).default(10_737_418_240).describe('Nothing more is taken in beyond it.'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      open_tasks_max: z
        .int()
        .min(1_000)
        .default(1_000_000)
        .describe('The oldest open task is closed as unfinished beyond it.'),
      memo_sources_max: z.int().min(0).default(100_000).describe('Memoised results whose task is remembered, a run.'),
      held_records_max: z
        .int()
        .min(0)
        .default(live.held_records_max)
        .describe('Log records that wait for what tells whose they are; beyond it the oldest go on without it.'),
      held_bytes_max: z.int().min(0).default(live.held_bytes_max).describe('Bytes of them, roughly.'),
      held_ms: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(live.held_us_max / 1_000)
        .describe('How long one waits.'),
      groups_max: z
        .int()
        .min(1_000)
        .default(live.groups_max)
        .describe('Groups of records that share something, over all rules; the oldest are forgotten beyond it.'),
      scopes_max: z
        .int()
        .min(1_000)
        .default(live.scopes_max)
        .describe('Files and tasks whose order of lines is followed; the oldest are forgotten beyond it.'),
      twins_max: z.int().min(1_000).default(live.twins_max).describe('Records remembered, to find copies of them.'),
      closed_runs_max: z
        .int()
        .min(0)
        .default(live.closed_runs_max)
        .describe('Closed runs whose groups are kept for late lines.'),
      records_max: z
        .int()
        .min(0)
        .default(2_000_000)
        .describe('Log records that page and commands can ask for, about 300 bytes each; the oldest are dropped.'),
      quarantine_messages_max: z.int().min(0).default(100).describe('Undecodable messages kept, a receiver and start.'),
      quarantine_bytes_max: z.int().min(0).default(67_108_864).describe('Bytes kept in the quarantine.'),
    })
    .prefault({}),
  rules: z
    .array(z.string().min(1))
    .default([])
    .describe('Files of rules of your own, which add to the shipped ones (docs/rules.md).'),
  metrics_interval_ms: z.int().min(100).max(3_600_000).default(15_000).describe('How often metrics are pushed.'),
  jaeger_url: z.url().optional().describe('Jaeger’s page, for links from tasks to traces.'),
});

export type Settings = z.output<typeof settings>;
