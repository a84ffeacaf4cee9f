/**
 * The table of scenarios (scenarios/*.ts) against the real controller, with light agents over real TLS. Each row has devices
 * of its own; several rows run at a time. Rows that restart the controller or move its clock are in files of their own.
 */
import { describe } from 'vitest'
import { agentRows } from '../../test-kit/scenarios/agents.ts'
import { installerRows } from '../../test-kit/scenarios/installers.ts'
import { linkRows } from '../../test-kit/scenarios/links.ts'
import { playTable } from '../../test-kit/scenarios/play.ts'
import { reportRows } from '../../test-kit/scenarios/reports.ts'

describe('agents', () => playTable(agentRows))
describe('links', () => playTable(linkRows))
describe('reports', () => playTable(reportRows))
describe('installers', () => playTable(installerRows))
