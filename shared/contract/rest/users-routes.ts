/** Sign-in, the user's own account, and users: part of the table of routes (rest.ts). */
import { z } from 'zod'
import { SessionId, UserId } from '../../domain/ids.ts'
import { id, route } from './route.ts'
import { Timestamp } from './common.ts'
import {
  ChangePassword,
  CreateUser,
  DeleteUserQuery,
  Holdings,
  LoginRequest,
  OwnSession,
  RefreshRequest,
  SetupRequest,
  UpdateUser,
  User,
} from './users.ts'

export const Done = z.object({ success: z.literal(true) })
export const Session = z.object({
  token: z.string(),
  expires_at: Timestamp,
  refresh_token: z.string(),
  user: User,
})
export type Session = z.infer<typeof Session>

export const userRoutes = {
  'auth.state': route({
    method: 'GET',
    path: '/auth/state',
    access: 'none',
    summary: 'Whether the first account still has to be created',
    reply: z.object({ setup_needed: z.boolean(), setup_code_needed: z.boolean().optional() }),
  }),
  'auth.setup': route({
    method: 'POST',
    path: '/auth/setup',
    access: 'none',
    summary: 'Create the first account (loopback only, once)',
    body: SetupRequest,
    reply: Session,
  }),
  'auth.login': route({
    method: 'POST',
    path: '/auth/login',
    access: 'none',
    summary: 'Sign in',
    body: LoginRequest,
    reply: Session,
  }),
  'auth.refresh': route({
    method: 'POST',
    path: '/auth/refresh',
    access: 'none',
    summary: 'Renew a session. Using a refresh token twice ends the session',
    body: RefreshRequest,
    reply: Session,
  }),
  'auth.logout': route({
    method: 'POST',
    path: '/auth/logout',
    access: 'user',
    summary: 'End this session',
    reply: Done,
  }),
  'auth.logout_all': route({
    method: 'POST',
    path: '/auth/logout-all',
    access: 'user',
    summary: 'End every session of this user',
    reply: Done,
  }),
  'auth.me': route({
    method: 'GET',
    path: '/auth/me',
    access: 'user',
    summary: 'The signed-in user',
    reply: User,
  }),
  'auth.password': route({
    method: 'POST',
    path: '/auth/password',
    access: 'user',
    summary: 'Change your password. All your other sessions end',
    body: ChangePassword,
    reply: User,
  }),
  'auth.sessions': route({
    method: 'GET',
    path: '/auth/sessions',
    access: 'user',
    summary: 'Your sessions, last used first',
    reply: z.object({ sessions: z.array(OwnSession) }),
  }),
  'auth.end_session': route({
    method: 'DELETE',
    path: '/auth/sessions/:id',
    access: 'user',
    summary: 'End one session of this user',
    params: z.object({ id: SessionId }),
    reply: Done,
  }),

  'users.list': route({
    method: 'GET',
    path: '/users',
    access: 'admin',
    summary: 'List users',
    reply: z.object({ users: z.array(User) }),
  }),
  'users.create': route({
    method: 'POST',
    path: '/users',
    access: 'admin',
    summary: 'Add a user',
    repeatable: true,
    body: CreateUser,
    reply: User,
  }),
  'users.update': route({
    method: 'PATCH',
    path: '/users/:id',
    access: 'admin',
    summary: 'Change a user. Changing role or password, or disabling, signs them out everywhere',
    params: id(UserId),
    body: UpdateUser,
    reply: User,
  }),
  'users.reset_password': route({
    method: 'POST',
    path: '/users/:id/reset-password',
    access: 'admin',
    summary: 'Generate a one-time password, shown once. It must be changed at the next sign-in',
    params: id(UserId),
    reply: z.object({ user: User, password: z.string() }),
  }),
  'users.end_sessions': route({
    method: 'DELETE',
    path: '/users/:id/sessions',
    access: 'admin',
    summary: 'Sign a user out everywhere',
    params: id(UserId),
    reply: User,
  }),
  'users.holdings': route({
    method: 'GET',
    path: '/users/:id/holdings',
    access: 'admin',
    summary: 'What this user owns: it has no owner once they are removed',
    params: id(UserId),
    reply: Holdings,
  }),
  'users.delete': route({
    method: 'DELETE',
    path: '/users/:id',
    access: 'admin',
    summary: 'Remove a user. What they own goes to another user or to nobody',
    params: id(UserId),
    query: DeleteUserQuery,
    reply: Done,
  }),
} as const
