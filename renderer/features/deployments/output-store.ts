/** The live installer output of one target. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { TargetOutputPiece } from '#shared/contract/feed.ts'
import type { DeploymentId, TargetId } from '#shared/domain/ids.ts'
import { useApi } from '../../api/index.ts'
import { splitIntoPieces } from '../../ui/lib/plain-text.ts'
import { createLoader } from '../../state/loader.ts'

/** The controller keeps 1 MiB per target; the page keeps a little more, then drops the oldest. */
const KEEP_CHARACTERS = 2 * 1024 * 1024
/** Maximum number of pieces buffered while the earlier text is being fetched. */
const WAITING_LIMIT = 2_000

export type OutputPiece = { key: number; text: string }

export const useOutputStore = defineStore('output', () => {
  const api = useApi()
  /** `attempt`: an earlier, ended one; null: the current one, live. */
  type Shown = { deployment: DeploymentId; target: TargetId; attempt: number | null }
  const shown = shallowRef<Shown | null>(null)
  const attempt = ref(0)
  const pieces = shallowRef<OutputPiece[]>([])
  const omittedBytes = ref(0)
  let lastSeq = -1
  let nextKey = 0
  let waiting: TargetOutputPiece[] = []

  const loader = createLoader(fetchShown)
  async function fetchShown(): Promise<void> {
    const wanted = shown.value
    if (!wanted) return
    const output = await api.call('deployments.output', {
      params: { id: wanted.deployment, target_id: wanted.target },
      ...(wanted.attempt === null ? {} : { query: { attempt: wanted.attempt } }),
    })
    // Something else was opened meanwhile.
    if (shown.value !== wanted) return await fetchShown()
    const isAsShown =
      output.attempt === attempt.value && output.last_seq === lastSeq && pieces.value.length > 0
    if (isAsShown && waiting.length === 0) return
    attempt.value = output.attempt
    omittedBytes.value = output.omitted_bytes
    lastSeq = output.last_seq
    pieces.value = splitIntoPieces(output.text).map((text) => ({ key: nextKey++, text }))
    const missed = waiting
    waiting = []
    missed.forEach(take)
  }

  function take(piece: TargetOutputPiece): void {
    if (piece.attempt < attempt.value) return
    if (piece.attempt > attempt.value) {
      attempt.value = piece.attempt
      lastSeq = -1
      omittedBytes.value = 0
      pieces.value = []
    }
    if (piece.seq <= lastSeq) return
    lastSeq = piece.seq
    pieces.value = bounded([...pieces.value, { key: nextKey++, text: piece.text }])
  }

  function bounded(all: OutputPiece[]): OutputPiece[] {
    let size = all.reduce((sum, p) => sum + p.text.length, 0)
    let first = 0
    while (size > KEEP_CHARACTERS && first < all.length - 1) size -= all[first++]!.text.length
    return first === 0 ? all : all.slice(first)
  }

  return {
    ...loader,
    attempt,
    pieces,
    omittedBytes,
    async open(deployment: DeploymentId, target: TargetId, earlier: number | null = null) {
      shown.value = { deployment, target, attempt: earlier }
      pieces.value = []
      attempt.value = 0
      lastSeq = -1
      waiting = []
      loader.reset()
      await loader.load()
    },
    close: () => (shown.value = null),
    apply(piece: TargetOutputPiece) {
      if (piece.target_id !== shown.value?.target || shown.value.attempt !== null) return
      if (loader.state.value === 'ready') take(piece)
      else if (waiting.length < WAITING_LIMIT) waiting.push(piece)
    },
    reload: () => (shown.value ? loader.load() : Promise.resolve()),
  }
})
