/** Bundles the agent into a single script. */
import { projectRoot } from '../support/project.ts'

/** For update tests, which need an agent with another version or one that is broken. */
export type Variant = {
  version: string
  /** Runs before everything else. */
  prelude?: string
  /**
   * For the Windows service host: how long an updated agent has to connect to its controller, in
   * milliseconds.
   */
  linkLimitMs?: number
}

/**
 * Keeps identifiers readable, because they may appear in the agent's log.
 * @param nodeMajor major version of the Node that will run the bundle
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
