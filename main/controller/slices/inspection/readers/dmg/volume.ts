/** A file system in a disk image, as far as its readers need it. */
export type VolumeEntry = { name: string; isFolder: boolean; sizeBytes: number }
export type Volume = {
  /** The entries of a folder; `/` separates the parts of its path, '' is the root. Empty when there is no such folder. */
  list: (path: string) => VolumeEntry[]
  /** Null when there is no such file, or it is larger than `limitBytes`. */
  file: (path: string, limitBytes: number) => Buffer | null
}

/** The bytes of the disk. */
export type Disk = {
  sizeBytes: number
  /** Fewer bytes at its end. @throws Unsupported, AppError E_PACKAGE_LIMIT */
  read: (position: number, length: number) => Buffer
}

/** The image or its file system is of a kind that is not read here. */
export class Unsupported extends Error {}
