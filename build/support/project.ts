import path from 'node:path'

/** Root folder of the checkout (the one with package.json), absolute. */
export const projectRoot = path.resolve(import.meta.dirname, '../..')
