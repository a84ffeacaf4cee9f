/** Forms over data that someone else may change during editing: local edits stay, other fields are updated. Pure. */
import type { Group } from '#shared/contract/rest/groups.ts'
import { t } from '../texts.ts'

const isSame = (a: unknown, b: unknown): boolean =>
  a === b ||
  (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => x === b[i]))

/** Keeps edited fields when the underlying data changes, and updates the rest. */
export function rebase<T extends object>(form: T, before: T, after: T): T {
  const next = { ...after }
  for (const key of Object.keys(form) as (keyof T)[])
    if (!isSame(form[key], before[key])) next[key] = form[key]
  return next
}

/** Fields that were edited here and changed elsewhere: saving would overwrite the other change. */
export const collisions = <T extends object>(form: T, before: T, after: T): (keyof T)[] =>
  (Object.keys(after) as (keyof T)[]).filter(
    (key) =>
      !isSame(after[key], before[key]) &&
      !isSame(form[key], before[key]) &&
      !isSame(form[key], after[key]),
  )

export type GroupDraft = { name: string; members: ReadonlySet<number> }
export const draftOf = (group: Pick<Group, 'name' | 'device_ids'> | null): GroupDraft => ({
  name: group?.name ?? '',
  members: new Set<number>(group?.device_ids ?? []),
})

const without = (all: Iterable<number>, some: ReadonlySet<number>): number[] =>
  [...all].filter((id) => !some.has(id))

/** The PCs that a draft adds and removes. */
export const memberChanges = (draft: GroupDraft, base: GroupDraft) => ({
  added: without(draft.members, base.members),
  removed: without(base.members, draft.members),
})

/** Reapplies the draft to the current group: PCs added and removed here stay so. */
export function rebaseGroup(draft: GroupDraft, before: GroupDraft, after: GroupDraft): GroupDraft {
  const { added, removed } = memberChanges(draft, before)
  const members = new Set([...after.members, ...added])
  for (const id of removed) members.delete(id)
  return { name: draft.name === before.name ? after.name : draft.name, members }
}

/** What someone else has changed, in words; empty if nothing. */
export function groupNews(
  before: GroupDraft,
  after: GroupDraft,
  nameOf: (deviceId: number) => string,
): string {
  const { added, removed } = memberChanges(after, before)
  const list = (ids: number[]) =>
    ids.length > 3
      ? t('group.more', { names: ids.slice(0, 3).map(nameOf).join(', '), more: ids.length - 3 })
      : ids.map(nameOf).join(', ')
  return [
    ...(after.name !== before.name ? [t('group.renamedTo', { name: after.name })] : []),
    ...(added.length > 0 ? [t('group.added', { names: list(added) })] : []),
    ...(removed.length > 0 ? [t('group.removed', { names: list(removed) })] : []),
  ].join(', ')
}
