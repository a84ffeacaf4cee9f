/** How the frame of a page opens the search over everything, which belongs to the app. */
import type { InjectionKey } from 'vue'

export const openSearchKey: InjectionKey<() => void> = Symbol('open search')
