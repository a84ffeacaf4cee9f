/** The second half of the table of scenarios: packages, people, strategies, and database errors. */
import { describe } from 'vitest'
import { packageRows, prepareWeb } from './scenarios/packages.ts'
import { peopleRows } from './scenarios/people.ts'
import { playTable } from './scenarios/play.ts'
import { databaseRows, strategyRows } from './scenarios/strategies.ts'

describe('packages', () => playTable(packageRows, { prepare: prepareWeb }))
describe('people', () => playTable(peopleRows))
describe('strategies', () => playTable(strategyRows))
describe('the database', () => playTable(databaseRows))
