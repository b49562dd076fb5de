/**
 * The logger that components are handed. The bridge gives them pino's (JSON lines, readable by our own receivers);
 * tests give them `silent`. A call is a fields object, then one fixed sentence; levels go by consequence: error =
 * records were lost, warn = odd but whole, info = start, stop, bound address.
 */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

const nothing = (): void => {};

export const silent: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing };
