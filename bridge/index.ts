/** What the package offers to other programs: the fold and the mappers, the decoders, and a bridge to embed. */
export type { Bridge, BridgeOptions } from './bridge.ts';
export { startBridge } from './bridge.ts';
export { parseConfig } from './config.ts';
export type { ConvertFormat, ConvertOptions, ConvertResult } from './convert.ts';
export { convert, convertFormats } from './convert.ts';
export type { Frame } from './core/frame.ts';
export { Channel } from './core/frame.ts';
export * as ids from './core/ids.ts';
export type { WideRecord } from './core/record.ts';
export type { EngineOptions } from './engine.ts';
export { Engine } from './engine.ts';
export { createFrameParser, encodeFrames } from './formats/capture.ts';
export { decodeFrames } from './formats/frames.ts';
export { exporters, receivers } from './registry.ts';
