import { sql } from 'drizzle-orm'
import { blob, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerArchive } from '#shared/contract/rest/software.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import type { TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { InstallerId, Sha256, SoftwareId, UserId } from '#shared/domain/ids.ts'
import type { InstallerTechnology } from '#shared/domain/installer-technology.ts'
import type { DevicePlatform, InstallerArch, InstallerKind } from '#shared/domain/platforms.ts'
import { users } from './users.ts'

/** Bytes in the content store, addressed by their SHA-256. */
export const contents = sqliteTable('contents', {
  sha256: text().$type<Sha256>().primaryKey(),
  size_bytes: integer().notNull(),
  /** SHA-256 of every 1 MiB chunk, 32 bytes each, one after another. */
  chunk_hashes: blob({ mode: 'buffer' }).notNull(),
  created_at: text().notNull(),
  /** When its file was found to contain other bytes; null once the same bytes were stored again. */
  damaged_at: text(),
})

export const software = sqliteTable(
  'software',
  {
    id: integer().$type<SoftwareId>().primaryKey({ autoIncrement: true }),
    name: text().notNull(),
    version: text().notNull(),
    publisher: text().notNull(),
    /** custom: created from an address in a deployment, not shown in the library. */
    origin: text({ enum: ['library', 'custom'] }).notNull(),
    owner_id: integer()
      .$type<UserId>()
      .references(() => users.id, { onDelete: 'set null' }),
    /** The name of the user who added it, kept after the account was removed. */
    created_by_name: text(),
    /** Software that must be installed first. */
    depends_on: text({ mode: 'json' })
      .$type<SoftwareId[]>()
      .notNull()
      .default(sql`'[]'`),
    created_at: text().notNull(),
    deleted_at: text(),
    /** Number of its changes, including those of its installers. */
    revision: integer().notNull().default(1),
  },
  (t) => [
    index('software_owner').on(t.owner_id),
    index('software_library')
      .on(t.owner_id)
      .where(sql`origin = 'library' and deleted_at is null`),
  ],
)

export const installers = sqliteTable(
  'installers',
  {
    id: integer().$type<InstallerId>().primaryKey({ autoIncrement: true }),
    software_id: integer()
      .$type<SoftwareId>()
      .notNull()
      .references(() => software.id, { onDelete: 'cascade' }),
    platform: text().$type<DevicePlatform>().notNull(),
    arch: text().$type<InstallerArch>().notNull(),
    /**
     * Not used, because an older installer of the software has the same platform and architecture.
     * Only in databases of earlier versions, which allowed that.
     */
    is_duplicate: integer({ mode: 'boolean' }).notNull().default(false),
    kind: text().$type<InstallerKind>().notNull(),
    file_name: text().notNull(),
    /** As everybody may see it: with ●●● in place of secrets. */
    install_args: text().notNull(),
    /** The labels of the arguments that contain secrets; see base/sealed-arguments.ts. */
    secret_args: text({ mode: 'json' })
      .$type<string[]>()
      .notNull()
      .default(sql`'[]'`),
    /** The whole line, sealed. Null: it holds no secret. */
    sealed_args: text(),
    timeout_seconds: integer().notNull(),
    success_exit_codes: text({ mode: 'json' }).$type<number[]>().notNull(),
    detection: text({ mode: 'json' }).$type<Detection>(),
    /** Archives: which file in it is run. */
    archive: text({ mode: 'json' }).$type<InstallerArchive>(),
    technology: text().$type<InstallerTechnology>(),
    /** JSON: the original upload, before any correction. Identifies a repeated upload. */
    uploaded_as: text(),
    /**
     * What the file reveals about its installation; null: nothing, or it was added before this was
     * read.
     */
    knowledge: text({ mode: 'json' }).$type<InstallerKnowledge>(),
    /** Null while the controller is still downloading it, and if agents do. */
    sha256: text()
      .$type<Sha256>()
      .references(() => contents.sha256),
    size_bytes: integer(),
    /** Where it is downloaded from, for software given as an address. */
    source_url: text(),
    source_sha256: text().$type<Sha256>(),
    /** `by_agents`: each PC fetches it from `source_url` itself; the controller never has the file. */
    fetch_state: text({ enum: ['none', 'fetching', 'ready', 'failed', 'by_agents'] }).notNull(),
    fetch_reason: text({
      enum: ['invalid_url', 'download_failed', 'integrity', 'disk_space', 'internal'],
    }),
    fetch_message: text(),
    /** The message as a code with JSON parameters. */
    fetch_code: text().$type<TextCode>(),
    fetch_params: text(),
    /**
     * Inspections of the downloaded file that started and have not ended. Written before each, so
     * that a file that crashed the process is not inspected again at the next start.
     */
    inspections: integer().notNull().default(0),
  },
  (t) => [
    index('installers_software').on(t.software_id),
    index('installers_sha256').on(t.sha256),
    index('installers_source_url')
      .on(t.source_url)
      .where(sql`source_url is not null`),
    uniqueIndex('installers_place')
      .on(t.software_id, t.platform, t.arch)
      .where(sql`is_duplicate = 0`),
  ],
)
