/** Records the query plan of each statement, as SQLite chooses it, while code under test runs its statements. */
import Database from 'better-sqlite3'

/** Tables that stay small, because only people or the product itself add rows, not daily use. */
export const SMALL_TABLES = {
  controller_facts: 'a fixed list of names',
  settings: 'a fixed list of names',
  users: 'the accounts of one office',
  audit_facets: 'an account and an action each',
  audit_days: 'a row per day',
  deployment_counts: 'an account and a state each',
  search_terms: 'three characters each',
  search_progress: 'a fixed list of names',
  device_groups: 'added by hand',
  sessions: 'a limited number per account',
} as const

type Statement = Database.Statement<unknown[]>
type PlanRow = { detail: string }
export type Finding = { step: string; sql: string }

const READS_OR_WRITES = /^\s*(select|insert|update|delete|replace|with)\b/i
const EXECUTORS = ['run', 'get', 'all', 'iterate'] as const
/** No statement has more parameters. */
const PARAMETER_LIMIT = 30

/** Tables by the names that a plan uses for them: their own names, and their aliases in this statement. */
function tablesByName(sql: string, tables: ReadonlySet<string>): Map<string, string> {
  const found = new Map([...tables].map((name) => [name, name]))
  for (const [, table, alias] of sql.matchAll(
    /\b(?:from|join|update|into)\s+"?(\w+)"?\s+(?:as\s+)?"?(\w+)"?/gi,
  ))
    if (tables.has(table!) && !tables.has(alias!)) found.set(alias!, table!)
  return found
}

/**
 * The expensive steps of a plan: reading the whole of a growing table (`SCAN devices`, with or without an index) and sorting
 * without an index (`SORT devices`: the first table of the plan that is not read by its id).
 */
export function stepsOver(
  plan: readonly string[],
  sql: string,
  tables: ReadonlySet<string>,
): string[] {
  const names = tablesByName(sql, tables)
  const read = plan.flatMap((detail) => {
    // A full-text query reads its matches, not the table.
    if (/VIRTUAL TABLE INDEX \d+:.*M/.test(detail)) return []
    const [, kind, name] = /^(SCAN|SEARCH) (\S+)/.exec(detail) ?? []
    const table = name === undefined ? undefined : names.get(name)
    if (table === undefined || table in SMALL_TABLES) return []
    // A plain insert reads nothing. Its plan also lists tables with foreign keys to this one, but no row can refer to a new row.
    if (/^\s*insert\b(?!.*\bselect\b)/is.test(sql)) return []
    return [{ kind, table, detail }]
  })
  const steps = read
    .filter(({ kind }) => kind === 'SCAN')
    .map(({ table, detail }) => `SCAN ${table}${detail.includes(' USING ') ? ' by index' : ''}`)
  // A plan also lists tables that are read only to check a foreign key.
  const named = read.filter(({ table }) => sql.includes(table))
  const sorted = named.find(({ detail }) => !detail.includes('PRIMARY KEY (rowid=?)')) ?? named[0]
  if (sorted && plan.some((detail) => detail.startsWith('USE TEMP B-TREE')))
    steps.push(`SORT ${sorted.table}`)
  return steps
}

/** Placeholder values, to explain a statement that was not run. */
function explainWithout(explain: Statement): string[] {
  const names = [...explain.source.matchAll(/[@:$]([a-z]\w*)/gi)].map(([, name]) => name!)
  const named = Object.fromEntries(names.map((name) => [name, null]))
  for (let count = 0; ; count++)
    try {
      const values = Array<null>(count).fill(null)
      const rows = names.length > 0 ? explain.all(named) : explain.all(...values)
      return (rows as PlanRow[]).map(({ detail }) => detail)
    } catch (error) {
      if (!(error instanceof RangeError) || count === PARAMETER_LIMIT) throw error
    }
}

/**
 * Records the plans of all connections of this process until `stop`. Each statement is explained on its own connection and with
 * its own values, so its plan is the one that the product uses.
 */
export function watchPlans() {
  const prototype = Database.prototype as unknown as {
    prepare: (this: Database.Database, sql: string) => Statement
  }
  const prepare = prototype.prepare
  const tablesOf = new WeakMap<Database.Database, Set<string>>()
  const findings = new Map<string, Finding[]>()
  const notRun = new Map<Statement, string>()
  const explained = new Set<string>()
  let caller: string | null = null

  function tables(db: Database.Database): Set<string> {
    let known = tablesOf.get(db)
    if (!known) {
      const names = prepare.call(db, "select name from sqlite_master where type = 'table'")
      known = new Set(names.pluck().all() as string[])
      tablesOf.set(db, known)
    }
    return known
  }
  function note(db: Database.Database, sql: string, values: unknown[] | null): void {
    if (caller === null || explained.has(`${caller}\n${sql}`)) return
    explained.add(`${caller}\n${sql}`)
    const explain = prepare.call(db, `explain query plan ${sql}`)
    const plan =
      values === null
        ? explainWithout(explain)
        : (explain.all(...values) as PlanRow[]).map(({ detail }) => detail)
    const list = findings.get(caller) ?? []
    for (const step of stepsOver(plan, sql, tables(db))) list.push({ step, sql })
    findings.set(caller, list)
  }

  prototype.prepare = function (sql) {
    const statement = prepare.call(this, sql)
    if (!READS_OR_WRITES.test(sql)) return statement
    notRun.set(statement, sql)
    for (const name of EXECUTORS) {
      const execute = statement[name].bind(statement) as (...values: unknown[]) => unknown
      Object.defineProperty(statement, name, {
        value: (...values: unknown[]) => {
          note(this, sql, values)
          notRun.delete(statement)
          return execute(...values)
        },
      })
    }
    return statement
  }

  return {
    /** Attributes what `work` runs to this name. */
    during<T>(name: string, work: () => T): T {
      caller = name
      try {
        return work()
      } finally {
        caller = null
      }
    },
    /** Explains the statements that `prepareAll` prepares on a connection of its own, which is closed without running them. */
    prepared(name: string, prepareAll: () => unknown): void {
      const before = new Set(notRun.keys())
      prepareAll()
      const added = [...notRun].filter(([statement]) => !before.has(statement))
      caller = name
      for (const [statement, sql] of added) {
        note(statement.database, sql, null)
        notRun.delete(statement)
      }
      caller = null
      for (const [{ database }] of added) database.close()
    },
    /** By caller. */
    findings,
    /** The text of statements that were prepared and never run. */
    notRun: (): string[] => [...notRun.values()],
    stop: (): void => {
      prototype.prepare = prepare
    },
  }
}
