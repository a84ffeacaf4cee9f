/** A list of listeners for one event. */
export function createListeners<T>() {
  const listeners = new Set<(event: T) => void>()
  return {
    emit: (event: T): void => listeners.forEach((listener) => listener(event)),
    /** @returns the function that removes the listener */
    on: (listener: (event: T) => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
