/** The agent as one script. */
import { projectRoot } from '../support/project.ts'

/** For tests of updates, which need an agent of another version, or one that does not work. */
export type Variant = {
  version: string
  /** Runs before everything else. */
  prelude?: string
  /** Of the Windows service host: how long an update may take until it has a link. */
  linkLimitMs?: number
}

/**
 * Names stay readable, because the agent's log may show them.
 * @param nodeMajor the Node that will run it
 */
export async function bundleAgent(
  output: string,
  nodeMajor: number,
  variant?: Variant,
): Promise<void> {
  const esbuild = await import('esbuild')
  await esbuild.build({
    absWorkingDir: projectRoot,
    entryPoints: ['agent/main.ts'],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: `node${nodeMajor}`,
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    ...(variant && {
      banner: { js: variant.prelude ?? '' },
      plugins: [
        {
          name: 'another-version',
          setup: (build) =>
            build.onLoad({ filter: /[\\/]agent[\\/]lib[\\/]version\.ts$/ }, () => ({
              contents: `export const AGENT_VERSION = ${JSON.stringify(variant.version)}`,
            })),
        },
      ],
    }),
  })
}
