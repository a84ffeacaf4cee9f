/** Who wants to be told of something. */
export function createListeners<T>() {
  const listeners = new Set<(event: T) => void>()
  return {
    tell: (event: T): void => listeners.forEach((listener) => listener(event)),
    /** @returns the function that ends it */
    on: (listener: (event: T) => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
