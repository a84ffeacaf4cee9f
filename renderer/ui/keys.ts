/** The modifier key for shortcuts, with the symbol this computer's keyboard uses. */
export const IS_MAC = /mac/i.test(navigator.platform)
export const MOD_KEY = IS_MAC ? '⌘' : 'Ctrl '

export const hasMod = (event: KeyboardEvent): boolean => (IS_MAC ? event.metaKey : event.ctrlKey)
