/** Signing in, one's own account, and users: the part of the table of routes (rest.ts) about people. */
import { z } from 'zod'
import { SessionId, UserId } from '../domain/ids.ts'
import * as entity from './entities.ts'
import * as request from './requests.ts'
import { id, route } from './route.ts'

export const Done = z.object({ success: z.literal(true) })
export const Session = z.object({
  token: z.string(),
  expires_at: entity.Timestamp,
  refresh_token: z.string(),
  user: entity.User,
})
export type Session = z.infer<typeof Session>

export const userRoutes = {
  'auth.state': route({
    method: 'GET',
    path: '/auth/state',
    access: 'none',
    summary: 'Whether the first account has still to be made',
    reply: z.object({ setup_needed: z.boolean(), setup_code_needed: z.boolean().optional() }),
  }),
  'auth.setup': route({
    method: 'POST',
    path: '/auth/setup',
    access: 'none',
    summary: 'Make the first account (loopback only, once)',
    body: request.SetupRequest,
    reply: Session,
  }),
  'auth.login': route({
    method: 'POST',
    path: '/auth/login',
    access: 'none',
    summary: 'Sign in',
    body: request.LoginRequest,
    reply: Session,
  }),
  'auth.refresh': route({
    method: 'POST',
    path: '/auth/refresh',
    access: 'none',
    summary: 'Renew a session. A refresh token that was used before ends it',
    body: request.RefreshRequest,
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
    reply: entity.User,
  }),
  'auth.password': route({
    method: 'POST',
    path: '/auth/password',
    access: 'user',
    summary: 'Choose another password; every other session of this user ends',
    body: request.ChangePassword,
    reply: entity.User,
  }),
  'auth.sessions': route({
    method: 'GET',
    path: '/auth/sessions',
    access: 'user',
    summary: 'Where this user is signed in, last used first',
    reply: z.object({ sessions: z.array(entity.OwnSession) }),
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
    summary: 'Users',
    reply: z.object({ users: z.array(entity.User) }),
  }),
  'users.create': route({
    method: 'POST',
    path: '/users',
    access: 'admin',
    summary: 'Add a user',
    repeatable: true,
    body: request.CreateUser,
    reply: entity.User,
  }),
  'users.update': route({
    method: 'PATCH',
    path: '/users/:id',
    access: 'admin',
    summary: 'Change a user. A change of role or password, and disabling, sign him out everywhere',
    params: id(UserId),
    body: request.UpdateUser,
    reply: entity.User,
  }),
  'users.reset_password': route({
    method: 'POST',
    path: '/users/:id/reset-password',
    access: 'admin',
    summary: 'Make a password, told this once, that he must change when he signs in',
    params: id(UserId),
    reply: z.object({ user: entity.User, password: z.string() }),
  }),
  'users.end_sessions': route({
    method: 'DELETE',
    path: '/users/:id/sessions',
    access: 'admin',
    summary: 'Sign a user out everywhere',
    params: id(UserId),
    reply: entity.User,
  }),
  'users.holdings': route({
    method: 'GET',
    path: '/users/:id/holdings',
    access: 'admin',
    summary: 'What would be nobody’s if this user were removed',
    params: id(UserId),
    reply: entity.Holdings,
  }),
  'users.delete': route({
    method: 'DELETE',
    path: '/users/:id',
    access: 'admin',
    summary: 'Remove a user; what he had goes to nobody, or to another',
    params: id(UserId),
    query: request.DeleteUserQuery,
    reply: Done,
  }),
} as const
