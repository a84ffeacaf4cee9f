/** Everything that stores may request from the controller. Created once at start, provided to the app, read with `useApi()`. */
import { inject } from 'vue'
import type { InjectionKey } from 'vue'
import { createClient, createDownload } from './client.ts'
import type { Call, Download } from './client.ts'
import { createFeed } from './feed.ts'
import type { Feed } from './feed.ts'
import { createSessionKeeper } from './session.ts'
import type { SessionKeeper } from './session.ts'
import type { Shell } from './shell.ts'
import { createUpload } from './upload.ts'
import type { Upload } from './upload.ts'

export type Api = {
  shell: Shell
  session: SessionKeeper
  call: Call
  download: Download
  upload: Upload
  feed: Feed
}

export function createApi(shell: Shell): Api {
  const session = createSessionKeeper(shell)
  return {
    shell,
    session,
    call: createClient(shell.consoleUrl, session),
    download: createDownload(shell.consoleUrl, session),
    upload: createUpload(shell.consoleUrl, session),
    feed: createFeed(shell.consoleUrl, session),
  }
}

export const API: InjectionKey<Api> = Symbol('api')

/** Call it inside a store's setup function. */
export function useApi(): Api {
  const api = inject(API)
  if (!api) throw new Error('The app was started without its API')
  return api
}
