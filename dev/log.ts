/** Takes one line, without its end. */
export type LineLog = (line: string) => void;

/** Writes an event of the local parts in the shape of the Worker's own log lines. */
export function logEvent(log: LineLog, level: 'info' | 'warn' | 'error', message: string): void {
  log(JSON.stringify({ time: new Date().toISOString(), level, event: 'local', message }));
}
