/** How far a list is that is fetched. */
export type LoadState = 'idle' | 'loading' | 'ready' | 'failed'
