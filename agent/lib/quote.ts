/** Quoting for programs whose arguments are handed over verbatim. */

/**
 * One argument as CommandLineToArgvW reads it back (learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw):
 * backslashes are doubled only before a quote.
 */
export function quoteArgument(text: string): string {
  if (text !== '' && !/[\s"]/.test(text)) return text
  return `"${text.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}
