/** Injection key by which a page opens the global search, which belongs to the app. */
import type { InjectionKey } from 'vue'

export const openSearchKey: InjectionKey<() => void> = Symbol('open search')
