/** The state of fetched data. */
export type LoadState = 'idle' | 'loading' | 'ready' | 'failed'
