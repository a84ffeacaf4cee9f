/** The second half of the table of scenarios: packages, people, strategies, and database errors. */
import { describe } from 'vitest'
import { packageRows, prepareWeb } from '../../test-kit/scenarios/packages.ts'
import { peopleRows } from '../../test-kit/scenarios/people.ts'
import { playTable } from '../../test-kit/scenarios/play.ts'
import { databaseRows, strategyRows } from '../../test-kit/scenarios/strategies.ts'

describe('packages', () => playTable(packageRows, { prepare: prepareWeb }))
describe('people', () => playTable(peopleRows))
describe('strategies', () => playTable(strategyRows))
describe('the database', () => playTable(databaseRows))
