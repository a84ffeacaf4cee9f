/** The library over REST. Uploads are streamed: a file is on disk and hashed when its part ends. */
import type { Clock } from '../../base/context.ts'
import type { Software, Upload } from '../../slices/software/index.ts'
import type { Handlers } from './handlers.ts'
import { readUpload } from './upload.ts'

/** Discards the upload of a user who was signed out while it arrived. */
async function checkOrDiscard(upload: Upload, stillSignedIn: () => void): Promise<void> {
  try {
    stillSignedIn()
  } catch (error) {
    await upload.discard()
    throw error
  }
}

/** Needs @fastify/multipart on the server that registers it. */
export function softwareRoutes(deps: { software: Software; clock: Clock }): Handlers<'software'> {
  const { software, clock } = deps
  return {
    'software.list': (_request, { viewer }) => ({ software: software.list(viewer) }),

    'software.create': async (_request, { viewer, raw, stillSignedIn }) => {
      const { upload, fields } = await readUpload(raw, (file) => software.receive(file), clock)
      await checkOrDiscard(upload, stillSignedIn)
      const made = await software.create(viewer, upload, fields)
      return { ...made, knowledge: made.installers[0]?.knowledge ?? null }
    },

    'software.add_installer': async ({ params }, { viewer, raw, stillSignedIn }) => {
      const { upload, fields } = await readUpload(
        raw,
        (file) => {
          software.checkChangeable(viewer, params.id)
          return software.receive(file)
        },
        clock,
      )
      await checkOrDiscard(upload, stillSignedIn)
      return software.addInstaller(viewer, params.id, upload, fields)
    },

    'software.upload_file': async ({ params }, { viewer, raw, stillSignedIn }) => {
      const { upload } = await readUpload(
        raw,
        (file) => {
          software.checkInstaller(viewer, params.id, params.installer_id)
          return software.receive(file)
        },
        clock,
      )
      await checkOrDiscard(upload, stillSignedIn)
      return software.uploadFile(viewer, params.id, params.installer_id, upload)
    },

    'software.update': ({ params, body }, { viewer }) => software.update(viewer, params.id, body),

    'software.update_installer': ({ params, body }, { viewer }) =>
      software.updateInstaller(viewer, params.id, params.installer_id, body),

    'software.delete': ({ params }, { viewer }) => {
      software.remove(viewer, params.id)
      return { success: true }
    },
  }
}
