/** Deployments over REST: part of the table of routes (rest.ts). */
import { z } from 'zod'
import { DeploymentId, TargetId } from '../../domain/ids.ts'
import * as deployments from './deployments.ts'
import { CancelRestarts } from './restarts.ts'
import { id, pathId, route } from './route.ts'
import {
  CreateDeployment,
  DeploymentQuery,
  OutputQuery,
  ReportQuery,
  RetryRequest,
} from './deployment-requests.ts'

const targetParams = z.object({ id: pathId(DeploymentId), target_id: pathId(TargetId) })

export const deploymentRoutes = {
  'deployments.create': route({
    method: 'POST',
    path: '/deployments/create',
    access: 'user',
    summary: 'Start a deployment',
    repeatable: true,
    body: CreateDeployment,
    reply: z.object({ success: z.literal(true), deployment_id: DeploymentId, message: z.string() }),
  }),
  'deployments.preflight': route({
    method: 'POST',
    path: '/deployments/preflight',
    access: 'user',
    summary: 'Preview what would happen per target. Changes nothing',
    body: CreateDeployment,
    reply: deployments.Preflight,
  }),
  'deployments.list': route({
    method: 'GET',
    path: '/deployments',
    access: 'user',
    summary: 'Deployments, newest first',
    query: DeploymentQuery,
    reply: z.object({
      deployments: z.array(deployments.Deployment),
      /** Number of all matching deployments, or of the first thousand that a search finds. */
      total: z.number().int(),
      /** There are more than `total`. */
      total_is_capped: z.boolean(),
      /** Value of `after` for the next page; null: there is none. */
      next_after: DeploymentId.nullable(),
    }),
  }),
  'deployments.get': route({
    method: 'GET',
    path: '/deployments/:id',
    access: 'user',
    summary: 'One deployment',
    params: id(DeploymentId),
    reply: deployments.Deployment,
  }),
  'deployments.progress': route({
    method: 'GET',
    path: '/deployments/:id/progress',
    access: 'user',
    summary: 'Progress of a deployment, with its targets',
    params: id(DeploymentId),
    reply: deployments.Progress,
  }),
  'deployments.cancel': route({
    method: 'POST',
    path: '/deployments/:id/cancel',
    access: 'user',
    summary: 'Cancel a deployment. Nothing new starts; running installers finish',
    params: id(DeploymentId),
    reply: deployments.Deployment,
  }),
  'deployments.pause': route({
    method: 'POST',
    path: '/deployments/:id/pause',
    access: 'user',
    summary: 'Pause a deployment. Nothing new starts; running installers continue',
    params: id(DeploymentId),
    reply: deployments.Deployment,
  }),
  'deployments.resume': route({
    method: 'POST',
    path: '/deployments/:id/resume',
    access: 'user',
    summary: 'Resume a deployment. A new round starts, and the failure count starts again at zero',
    params: id(DeploymentId),
    reply: deployments.Deployment,
  }),
  'deployments.stop_all': route({
    method: 'POST',
    path: '/deployments/stop-all',
    access: 'user',
    summary: 'Emergency stop: cancel every active deployment that the caller may cancel',
    reply: z.object({ stopped: z.array(DeploymentId) }),
  }),
  'deployments.cancel_restarts': route({
    method: 'POST',
    path: '/deployments/:id/restarts/cancel',
    access: 'user',
    summary: 'Cancel pending restarts, including those whose notice is running',
    params: id(DeploymentId),
    body: CancelRestarts,
    reply: deployments.Deployment,
  }),
  'deployments.retry': route({
    method: 'POST',
    path: '/deployments/:id/retry',
    access: 'user',
    summary: 'Retry failed targets with a new attempt',
    repeatable: true,
    params: id(DeploymentId),
    body: RetryRequest,
    reply: deployments.Deployment,
  }),
  'deployments.attempts': route({
    method: 'GET',
    path: '/deployments/:id/targets/:target_id/attempts',
    access: 'user',
    summary: 'Attempts of a target, oldest first',
    params: targetParams,
    reply: z.object({ attempts: z.array(deployments.Attempt) }),
  }),
  'deployments.output': route({
    method: 'GET',
    path: '/deployments/:id/targets/:target_id/output',
    access: 'user',
    summary: 'Output of the installer, of the current attempt or an earlier one',
    params: targetParams,
    query: OutputQuery,
    reply: deployments.TargetOutput,
  }),
  'deployments.report': route({
    method: 'GET',
    path: '/deployments/:id/report.csv',
    access: 'user',
    summary: 'The report as CSV',
    params: id(DeploymentId),
    query: ReportQuery,
    transport: 'text',
    media: 'text/csv',
    reply: z.string(),
  }),
  'deployments.workbook': route({
    method: 'GET',
    path: '/deployments/:id/report.xlsx',
    access: 'user',
    summary: 'The report as an Excel workbook',
    params: id(DeploymentId),
    transport: 'file',
    media: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    reply: z.unknown(),
  }),
} as const
