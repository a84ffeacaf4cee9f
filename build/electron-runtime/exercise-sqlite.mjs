// Started by sqlite-addon.integration.test.ts under each runtime. Exercises what better-sqlite3 does with
// references, exceptions, finalizers and threads. Argument: the better-sqlite3 folder. Prints one line of
// JSON.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'

const require = createRequire(import.meta.url)
const location = process.argv.at(-1)
const Database = require(location)
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deployx-sqlite-'))

async function main() {
  const db = new Database(path.join(folder, 'a.db'))
  db.pragma('journal_mode = WAL')
  db.exec('create table t (id integer primary key, name text unique, v real, b blob)')
  const insert = db.prepare('insert into t (name, v, b) values (@name, @v, @b)')
  db.transaction(() => {
    for (let i = 0; i < 5_000; i += 1) {
      insert.run({ name: `žluťoučký ${i}`, v: i / 3, b: Buffer.from([i & 255, 1, 2]) })
    }
  })()
  assert.equal(db.prepare('select count(*) from t').pluck().get(), 5_000)
  assert.deepEqual(db.prepare('select name, b from t where id = ?').get(3), {
    name: 'žluťoučký 2',
    b: Buffer.from([2, 1, 2]),
  })
  const big = Buffer.alloc(5_000_000, 7)
  db.prepare('update t set b = ? where id = 1').run(big)
  assert.ok(big.equals(db.prepare('select b from t where id = 1').pluck().get()))
  assert.equal(db.prepare('select 9007199254740993 x').safeIntegers().get().x, 9007199254740993n)

  db.function('add2', (a, b) => a + b)
  db.function('boom', () => {
    throw new RangeError('boom')
  })
  db.aggregate('joined', { start: () => '', step: (all, x) => all + x })
  assert.equal(db.prepare("select add2('a', 'b')").pluck().get(), 'ab')
  assert.throws(() => db.prepare('select boom()').get(), RangeError)
  assert.equal(
    db.prepare("select joined(x) from (select 'p' x union all select 'q')").pluck().get(),
    'pq',
  )
  assert.throws(() => insert.run({ name: 'žluťoučký 1', v: 1, b: null }), {
    code: 'SQLITE_CONSTRAINT_UNIQUE',
  })
  assert.throws(() => db.prepare('selec 1'), { code: 'SQLITE_ERROR' })
  let seen = 0
  for (const row of db.prepare('select id from t').iterate()) if ((seen = row.id) === 100) break
  assert.equal(seen, 100)

  for (let i = 0; i < 2_000; i += 1) {
    db.prepare('select @a a, @b b').get({ a: i, b: 'x' })
    if (i % 50 === 0) new Database(':memory:').function('f', (x) => x)
    if (i % 500 === 0) globalThis.gc?.()
  }

  await db.backup(path.join(folder, 'b.db'))
  const copy = new Database(path.join(folder, 'b.db'), { readonly: true })
  assert.equal(copy.prepare('select count(*) from t').pluck().get(), 5_000)
  copy.close()

  const code = `const D = require(${JSON.stringify(location)})
    require('node:worker_threads').parentPort.postMessage(new D(':memory:').prepare("select 'w' x").get())`
  const answers = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) => {
          new Worker(code, { eval: true }).once('message', resolve).once('error', reject)
        }),
    ),
  )
  assert.deepEqual(answers, [{ x: 'w' }, { x: 'w' }, { x: 'w' }])
  db.close()
  const { napi, node } = process.versions
  const addons = Object.keys(require.cache).filter((file) => file.endsWith('.node'))
  console.log(JSON.stringify({ napi, node, addon: path.relative(location, addons[0]) }))
}

main()
  .catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
  .finally(() => fs.rmSync(folder, { recursive: true, force: true }))
