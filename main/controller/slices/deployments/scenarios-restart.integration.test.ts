/** Scenarios in which the controller is restarted or all deployments are stopped: one row at a time. */
import { playTable } from '../../test-kit/scenarios/play.ts'
import { restartRows } from '../../test-kit/scenarios/restarts.ts'

playTable(restartRows, { atATime: 1 })
