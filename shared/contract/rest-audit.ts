/** The audit trail over REST: part of the table of routes (rest.ts). */
import { z } from 'zod'
import * as audit from './audit.ts'
import * as request from './requests.ts'
import { route } from './route.ts'

export const auditRoutes = {
  'audit.list': route({
    method: 'GET',
    path: '/audit',
    access: 'user',
    summary: 'Who did what, newest first. A technician sees what he did',
    query: request.AuditQuery,
    reply: z.object({
      entries: z.array(audit.AuditEntry),
      /** Of all that match, before and after these. */
      total: z.number().int(),
      /** For `before`: the next older ones. Null: there are none. */
      next_before: z.number().int().nullable(),
    }),
  }),
  'audit.facets': route({
    method: 'GET',
    path: '/audit/facets',
    access: 'user',
    summary: 'Whose entries there are, and of what',
    reply: z.object({ actors: z.array(z.string()), actions: z.array(z.string()) }),
  }),
  'audit.proof': route({
    method: 'GET',
    path: '/audit/proof',
    access: 'admin',
    summary: 'Whether the trail is whole: every hash and every signed end is checked',
    reply: audit.AuditProof,
  }),
  'audit.export_csv': route({
    method: 'GET',
    path: '/audit/export.csv',
    access: 'admin',
    summary: 'The whole trail as CSV, oldest first, with what proves it',
    transport: 'stream',
    media: 'text/csv',
    reply: z.string(),
  }),
  'audit.export_jsonl': route({
    method: 'GET',
    path: '/audit/export.jsonl',
    access: 'admin',
    summary: 'The whole trail as JSON Lines, oldest first, with what proves it',
    transport: 'stream',
    media: 'application/jsonl',
    reply: z.string(),
  }),
} as const
