import {
  and,
  asc,
  count,
  desc,
  eq,
  getTableColumns,
  inArray,
  isNotNull,
  isNull,
  ne,
  or,
  sql,
} from 'drizzle-orm'
import type { Role } from '#shared/contract/rest/users.ts'
import type { InstallerId, Sha256, SoftwareId, UserId } from '#shared/domain/ids.ts'
import { installers, software, users } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type SoftwareRow = typeof software.$inferSelect
export type InstallerRow = typeof installers.$inferSelect
export type SoftwareWithInstallers = SoftwareRow & { installers: InstallerRow[] }
/** With the role of its owner, which decides who sees it; null once the owner was removed. */
export type OwnedSoftware = SoftwareWithInstallers & { owner_role: Role | null }
export type FetchReason = NonNullable<InstallerRow['fetch_reason']>

export function createSoftwareRepo({ db, sqlite }: Store) {
  // The dashboard asks for it often: the rows themselves are not needed.
  const shownTo = sqlite
    .prepare<{ viewer: UserId | null }, number>(
      `select count(*) from software s where origin = 'library' and deleted_at is null and
       (@viewer is null or owner_id = @viewer or owner_id in (select id from users where role = 'admin'))`,
    )
    .pluck()
  function withInstallers(
    rows: { software: SoftwareRow; owner_role: Role | null; owner_name: string | null }[],
  ): OwnedSoftware[] {
    const byId = new Map(
      rows.map((row) => [
        row.software.id,
        {
          ...row.software,
          created_by_name: row.software.created_by_name ?? row.owner_name,
          owner_role: row.owner_role,
          installers: [] as InstallerRow[],
        },
      ]),
    )
    if (byId.size > 0)
      for (const row of db
        .select()
        .from(installers)
        .where(inArray(installers.software_id, [...byId.keys()]))
        .orderBy(asc(installers.id))
        .all())
        byId.get(row.software_id)?.installers.push(row)
    return [...byId.values()]
  }
  const library = () =>
    db
      .select({ software, owner_role: users.role, owner_name: users.username })
      .from(software)
      .leftJoin(users, eq(users.id, software.owner_id))
  const isShown = and(eq(software.origin, 'library'), isNull(software.deleted_at))

  return {
    /** The library: not deleted, by name. */
    list: (): OwnedSoftware[] =>
      withInstallers(library().where(isShown).orderBy(asc(software.name), asc(software.id)).all()),
    byIds: (ids: SoftwareId[]): OwnedSoftware[] =>
      withInstallers(
        library()
          .where(and(isShown, inArray(software.id, ids)))
          .all(),
      ),
    installersOf: (id: SoftwareId): InstallerRow[] =>
      db
        .select()
        .from(installers)
        .where(eq(installers.software_id, id))
        .orderBy(asc(installers.id))
        .all(),

    /** How many entries of the library this user sees; null: an administrator. */
    countShownTo: (viewer: UserId | null): number => shownTo.get({ viewer }) ?? 0,
    /** Library entries of this user. */
    countOf: (owner: UserId): number =>
      db
        .select({ n: count() })
        .from(software)
        .where(and(isShown, eq(software.owner_id, owner)))
        .get()?.n ?? 0,
    transfer: (from: UserId, to: UserId | null, name: string): void => {
      db.update(software)
        .set({ owner_id: to, created_by_name: sql`coalesce(created_by_name, ${name})` })
        .where(eq(software.owner_id, from))
        .run()
    },
    insert: (row: typeof software.$inferInsert): SoftwareRow =>
      db.insert(software).values(row).returning().get(),
    insertInstaller: (row: typeof installers.$inferInsert): InstallerRow =>
      db.insert(installers).values(row).returning().get(),
    countChange: (id: SoftwareId): void => {
      db.update(software)
        .set({ revision: sql`${software.revision} + 1` })
        .where(eq(software.id, id))
        .run()
    },
    update: (id: SoftwareId, change: Partial<SoftwareRow>): void => {
      db.update(software).set(change).where(eq(software.id, id)).run()
    },
    updateInstaller: (id: InstallerId, change: Partial<InstallerRow>): void => {
      const moves = change.platform !== undefined || change.arch !== undefined
      db.update(installers)
        .set(moves ? { ...change, is_duplicate: false } : change)
        .where(eq(installers.id, id))
        .run()
    },
    updateInstallersOf: (id: SoftwareId, change: Partial<InstallerRow>): void => {
      db.update(installers).set(change).where(eq(installers.software_id, id)).run()
    },

    /** Software of the library that has this file. */
    withFile: (sha256: Sha256): SoftwareId[] =>
      db
        .selectDistinct({ id: installers.software_id })
        .from(installers)
        .where(eq(installers.sha256, sha256))
        .all()
        .map(({ id }) => id),
    installer: (id: InstallerId): InstallerRow | undefined =>
      db.select().from(installers).where(eq(installers.id, id)).get(),
    /** Installers whose arguments are not sealed, or whose upload record contains them in clear text. */
    maybeUnsealed: (): InstallerRow[] =>
      db
        .select()
        .from(installers)
        .where(
          or(
            and(isNull(installers.sealed_args), ne(installers.install_args, '')),
            isNotNull(installers.uploaded_as),
          ),
        )
        .all(),
    /** What the controller has fetched from URLs. */
    fetched: (): InstallerRow[] =>
      db.select().from(installers).where(eq(installers.fetch_state, 'ready')).all(),
    /** The latest file from this address that this user had fetched; with a hash, only that file. */
    lastFetched: (
      from: { download_url: string; sha256?: Sha256 | undefined },
      owner: UserId,
    ): InstallerRow | undefined =>
      db
        .select(getTableColumns(installers))
        .from(installers)
        .innerJoin(software, eq(software.id, installers.software_id))
        .where(
          and(
            eq(installers.source_url, from.download_url),
            eq(installers.fetch_state, 'ready'),
            eq(software.owner_id, owner),
            from.sha256 === undefined ? undefined : eq(installers.sha256, from.sha256),
          ),
        )
        .orderBy(desc(installers.id))
        .limit(1)
        .get(),
    /** What the controller still has to fetch. */
    fetching: (): InstallerRow[] =>
      db
        .select()
        .from(installers)
        .where(eq(installers.fetch_state, 'fetching'))
        .orderBy(asc(installers.id))
        .all(),
  }
}
export type SoftwareRepo = ReturnType<typeof createSoftwareRepo>
