/** Windows programs by their full path: Windows looks for a bare name in the current folder first. */
import { win32 } from 'node:path'

/** `name` below System32, e.g. `msiexec.exe`. */
export const systemTool = (name: string, env: NodeJS.ProcessEnv = process.env): string =>
  win32.join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', name)
