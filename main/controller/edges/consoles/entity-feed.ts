/**
 * Groups, software, users, codes and settings on the consoles' feed, so that each user sees the
 * others' changes.
 */
import type { FeedEventName, FeedEvents } from '#shared/contract/feed.ts'
import type { EnrollmentId, GroupId, SoftwareId, UserId } from '#shared/domain/ids.ts'
import type { EnrollmentService } from '../../slices/enrollment/index.ts'
import type { Groups } from '../../slices/groups/index.ts'
import type { Settings } from '../../slices/settings/index.ts'
import type { Software } from '../../slices/software/index.ts'
import type { Users } from '../../slices/users/index.ts'

export type FeedAudience = UserId | null | 'everyone'
type Emit = <E extends FeedEventName>(audience: FeedAudience, event: E, body: FeedEvents[E]) => void
export type EntityFeedDeps = {
  groups: Pick<Groups, 'onChange' | 'describe'>
  software: Pick<Software, 'onChange' | 'describe'>
  users: Pick<Users, 'onChange' | 'onOwnersChanged' | 'describe'>
  enrollment: Pick<EnrollmentService, 'onChange' | 'describe'>
  settings: Pick<Settings, 'onChange' | 'stored'>
}

const RELOAD = { reload: true } as const

/** @param scheduleFrame called when there is something to send; the frame calls `send` */
export function createEntityFeed(deps: EntityFeedDeps, emit: Emit, scheduleFrame: () => void) {
  /** With the previous owner: users who saw the group must receive its removal. */
  const groups = new Map<GroupId, UserId | null>()
  const software = new Set<SoftwareId>()
  const users = new Set<UserId>()
  const codes = new Set<EnrollmentId>()
  const reloads = new Set<'groups' | 'software' | 'users' | 'enrollments'>()

  const ends = [
    deps.groups.onChange(({ id, ownerId }) => {
      groups.set(id, ownerId)
      scheduleFrame()
    }),
    deps.software.onChange((id) => {
      software.add(id)
      scheduleFrame()
    }),
    deps.users.onChange((id) => {
      users.add(id)
      scheduleFrame()
    }),
    // All consoles reload the lists and receive what they may see.
    deps.users.onOwnersChanged(() => {
      for (const name of ['groups', 'software', 'users', 'enrollments'] as const) reloads.add(name)
      scheduleFrame()
    }),
    deps.enrollment.onChange((id) => {
      if (id === 'all') reloads.add('enrollments')
      else codes.add(id)
      scheduleFrame()
    }),
    deps.settings.onChange(() => emit('everyone', 'settings_updated', deps.settings.stored())),
  ]

  function sendGroup(id: GroupId, ownerBefore: UserId | null): void {
    const found = deps.groups.describe(id)
    if (found) emit(found.ownerId, 'groups_updated', { group: found.group })
    else emit(ownerBefore, 'groups_updated', { removed_group_id: id })
  }
  function sendSoftware(id: SoftwareId): void {
    const found = deps.software.describe(id)
    // Who could see a removed entity is no longer known; an id alone reveals nothing.
    if (found) emit(found.ownerId, 'software_updated', { software: found.software })
    else emit('everyone', 'software_updated', { removed_software_id: id })
  }

  return {
    send(): void {
      for (const [id, ownerId] of groups) sendGroup(id, ownerId)
      for (const id of software) sendSoftware(id)
      for (const id of users) {
        const user = deps.users.describe(id)
        emit(null, 'users_updated', user ? { user } : { removed_user_id: id })
      }
      for (const id of codes) {
        const found = deps.enrollment.describe(id)
        if (found) emit(found.ownerId, 'enrollments_updated', { enrollment: found.enrollment })
      }
      if (reloads.has('groups')) emit('everyone', 'groups_updated', RELOAD)
      if (reloads.has('software')) emit('everyone', 'software_updated', RELOAD)
      if (reloads.has('users')) emit(null, 'users_updated', RELOAD)
      if (reloads.has('enrollments')) emit('everyone', 'enrollments_updated', RELOAD)
      for (const dirty of [groups, software, users, codes, reloads]) dirty.clear()
    },
    stop: (): void => ends.forEach((end) => end()),
  }
}
