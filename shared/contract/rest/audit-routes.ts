/** The audit log over REST: part of the table of routes (rest.ts). */
import { z } from 'zod'
import * as audit from './audit.ts'
import { route } from './route.ts'
import { AuditQuery } from './audit.ts'
import { ReportQuery } from './deployment-requests.ts'

export const auditRoutes = {
  'audit.list': route({
    method: 'GET',
    path: '/audit',
    access: 'user',
    summary: 'Audit entries, newest first. Technicians see their own actions only',
    query: AuditQuery,
    reply: z.object({
      entries: z.array(audit.AuditEntry),
      /** Number of all matching entries, or of the first thousand. */
      total: z.number().int(),
      /** There are more than `total`. */
      total_is_capped: z.boolean(),
      /** Value of `before` for the next older page; null: there is none. */
      next_before: z.number().int().nullable(),
      /** The same as a value of `after`. */
      next_after: z.number().int().nullable(),
    }),
  }),
  'audit.facets': route({
    method: 'GET',
    path: '/audit/facets',
    access: 'user',
    summary: 'Actors and actions that occur in the audit log',
    reply: z.object({ actors: z.array(z.string()), actions: z.array(z.string()) }),
  }),
  'audit.proof': route({
    method: 'GET',
    path: '/audit/proof',
    access: 'admin',
    summary: 'Verify the audit log: checks every hash and every signature',
    reply: audit.AuditProof,
  }),
  'audit.export_csv': route({
    method: 'GET',
    path: '/audit/export.csv',
    access: 'admin',
    summary: 'The whole audit log as CSV, oldest first, with its hashes and signatures',
    query: ReportQuery,
    transport: 'stream',
    media: 'text/csv',
    reply: z.string(),
  }),
  'audit.export_jsonl': route({
    method: 'GET',
    path: '/audit/export.jsonl',
    access: 'admin',
    summary: 'The whole audit log as JSON Lines, oldest first, with its hashes and signatures',
    transport: 'stream',
    media: 'application/jsonl',
    reply: z.string(),
  }),
} as const
