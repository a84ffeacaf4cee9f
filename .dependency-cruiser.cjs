/** Which parts may import which. build/import-rules.integration.test.ts breaks each rule once and sees it fire. */
const topFolders = '^(main|renderer|agent|shared|build|e2e|bench)/'
const only = (from, ...to) => ({
  name: `${from.replace(/\W/g, '-')}-imports-only-${to.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { path: topFolders, pathNot: [from, ...to].map((t) => `^${t}/`) },
})

/** The controller's folders. No rule would cover another folder beside them. */
const CONTROLLER_FOLDERS = ['base', 'store', 'slices', 'edges', 'compose', 'test-kit']
/** A vertical slice: every folder in this one. */
const SLICE = '^main/controller/slices/([^/]+)/'

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^virtual:', '^#imports', '^#build'] },
    },
    only('shared'),
    only('agent', 'shared'),
    only('renderer', 'shared'),
    only('main', 'shared'),
    {
      name: 'shared-is-pure',
      comment: 'shared runs in every process, including the page, so it imports nothing but zod.',
      severity: 'error',
      from: { path: '^shared/', pathNot: ['\\.test\\.ts$', '^shared/node/'] },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-no-pkg'],
        pathNot: '^node_modules/zod/',
      },
    },
    {
      name: 'shared-node-imports-only-core-modules',
      comment: 'Every package imported here ends up in both the controller and the agent.',
      severity: 'error',
      from: { path: '^shared/node/', pathNot: '\\.test\\.ts$' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-no-pkg'],
        pathNot: '^node_modules/(zod|xz-decompress)/',
      },
    },
    {
      name: 'shared-node-stays-in-node',
      comment: 'The page and the preload script have no core modules.',
      severity: 'error',
      from: {
        path: '^(shared/(?!node/)|renderer/|main/preload/)',
        pathNot: ['\\.test\\.ts$', '^renderer/test-kit/'],
      },
      to: { path: '^shared/node/' },
    },
    {
      name: 'renderer-does-not-import-node',
      severity: 'error',
      from: { path: '^renderer/', pathNot: ['\\.test\\.ts$', '^renderer/test-kit/'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'electron-in-desktop-only',
      comment: 'The controller also runs headless, so only the desktop part may import Electron.',
      severity: 'error',
      from: {
        path: '^(main|agent|shared|renderer)/',
        pathNot: ['^main/desktop/', '^main/preload/', '^main/index\\.ts$'],
      },
      to: { path: '^(node_modules/electron(-store)?/|electron(-store)?$)' },
    },
    {
      name: 'controller-does-not-import-desktop',
      severity: 'error',
      from: { path: '^main/(controller/|headless)' },
      to: { path: '^main/(desktop|preload)/' },
    },
    {
      name: 'enter-controller-by-compose',
      severity: 'error',
      from: {
        path: '^main/(desktop/|preload/|index\\.ts$|headless\\.ts$|audit\\.ts$|check-command\\.ts$)',
      },
      to: {
        path: '^main/controller/',
        // The one command beside the app verifies the audit log without starting a controller.
        pathNot: '^main/controller/(compose|slices/(audit|identity|check))/index\\.ts$',
      },
    },
    {
      name: 'controller-folders-are-listed',
      severity: 'error',
      from: { path: `^main/controller/(?!(${CONTROLLER_FOLDERS.join('|')})/)` },
      to: {},
    },
    {
      name: 'base-imports-only-itself',
      comment: 'What every slice uses: the context, the clock, small tools.',
      severity: 'error',
      from: { path: '^main/controller/base/', pathNot: '\\.test\\.ts$' },
      to: { path: '^main/controller/(?!base/)' },
    },
    {
      name: 'store-imports-only-base',
      severity: 'error',
      from: { path: '^main/controller/store/', pathNot: '\\.test\\.ts$' },
      to: { path: '^main/controller/(?!(base|store)/)' },
    },
    {
      name: 'slices-enter-slices-by-index',
      comment: 'A vertical slice is entered through its index.ts.',
      severity: 'error',
      from: { path: SLICE },
      to: {
        path: SLICE,
        pathNot: ['^main/controller/slices/$1/', '^main/controller/slices/[^/]+/index\\.ts$'],
      },
    },
    {
      name: 'edges-and-compose-enter-slices-by-index',
      severity: 'error',
      from: { path: '^main/controller/(edges|compose)/', pathNot: '\\.test\\.ts$' },
      to: { path: SLICE, pathNot: '^main/controller/slices/[^/]+/index\\.ts$' },
    },
    {
      name: 'slices-do-not-import-edges',
      severity: 'error',
      from: { path: SLICE, pathNot: '\\.test\\.ts$' },
      to: { path: '^main/controller/(edges|compose)/' },
    },
    {
      name: 'tables-belong-to-repositories',
      comment: "Only a slice's own repository touches tables.",
      severity: 'error',
      from: {
        path: '^main/controller/(slices|edges|compose)/',
        // The signer and the check read the database with connections of their own.
        pathNot: [
          '\\.repo\\.ts$',
          '/tables/rows\\.ts$',
          '\\.test\\.ts$',
          '^main/controller/slices/(signing|check)/',
        ],
      },
      to: {
        path: ['^node_modules/(drizzle-orm|better-sqlite3)/', '^main/controller/store/schema'],
      },
    },
    {
      name: 'the-core-is-pure',
      comment: 'Plans, reports and decisions are computed from data: no store, no clock, no Node.',
      severity: 'error',
      from: { path: '^main/controller/slices/deployments/core/', pathNot: '\\.test\\.ts$' },
      to: {
        path: ['^main/', '^node_modules/', '^(node:)?(fs|crypto|os|path|net|child_process|timers)'],
        pathNot: [
          '^main/controller/slices/deployments/(core/|tables/rows\\.ts$|timings\\.ts$)',
          '^main/controller/slices/devices/index\\.ts$',
          '^main/controller/base/context\\.ts$',
        ],
      },
    },
    {
      name: 'foreign-files-are-read-in-the-worker',
      comment:
        'Files from outside are parsed in the inspection worker only, so no other part of the controller imports a parser.',
      severity: 'error',
      from: {
        path: '^main/',
        pathNot: [
          '^main/controller/slices/inspection/(worker|worker-loop)\\.ts$',
          '^main/controller/slices/inspection/readers/',
          '\\.test\\.ts$',
          '^main/controller/test-kit/',
          // Recovery files, which are sealed and read in a worker of their own.
          '^main/controller/slices/identity/recovery-file\\.ts$',
        ],
      },
      to: {
        path: [
          '^main/controller/slices/inspection/(readers/|worker(-loop)?\\.ts$)',
          '^shared/domain/(portable-executable|archive-rule)\\.ts$',
          '^shared/node/xz\\.ts$',
          '^node_modules/(yauzl|tar-stream|xz-decompress|fzstd|yaml)/',
        ],
      },
    },
    {
      name: 'slow-to-load-is-loaded-late',
      comment:
        'The window opens only after everything that the controller imports statically has loaded.',
      severity: 'error',
      from: { path: '^main/' },
      to: {
        path: '^main/controller/(slices/identity/certificate|edges/consoles/docs)\\.ts$',
        dependencyTypesNot: ['dynamic-import'],
      },
    },
    {
      name: 'slow-to-load-has-one-place',
      severity: 'error',
      from: {
        path: '^main/',
        // Tests may load it: nothing that starts with the window imports them.
        pathNot: '^main/controller/(base/self-signed|edges/consoles/docs|test-kit/.*)\\.ts$',
      },
      to: { path: '^node_modules/(@fastify/swagger(-ui)?|@peculiar/x509|reflect-metadata)/' },
    },
    {
      name: 'renderer-transport-in-api',
      comment: 'Only renderer/api uses the transport.',
      severity: 'error',
      from: { path: '^renderer/', pathNot: ['^renderer/api/', '\\.test\\.ts$'] },
      to: { path: '^node_modules/socket\\.io-client/' },
    },
    {
      name: 'components-do-not-call-the-api',
      comment: 'Components show; stores call.',
      severity: 'error',
      from: { path: '^renderer/.+\\.vue$' },
      to: { path: '^renderer/api/' },
    },
    {
      name: 'ui-imports-only-itself',
      comment: 'renderer/ui holds components that show their props and use no store.',
      severity: 'error',
      from: { path: '^renderer/ui/', pathNot: '\\.test\\.ts$' },
      to: { path: '^renderer/(?!ui/)' },
    },
    {
      name: 'enter-features-by-index-or-parts',
      comment:
        'A feature is entered through its index.ts (state and texts) or parts.ts (components); the app also opens its pages.',
      severity: 'error',
      from: { path: '^renderer/features/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^renderer/features/',
        pathNot: ['^renderer/features/$1/', '/(index|parts)\\.ts$'],
      },
    },
    {
      name: 'app-enters-features-by-index-parts-or-pages',
      severity: 'error',
      from: { path: '^renderer/(app/|main\\.ts)', pathNot: '\\.test\\.ts$' },
      to: { path: '^renderer/features/', pathNot: ['/(index|parts)\\.ts$', 'Page\\.vue$'] },
    },
    {
      name: 'state-and-api-do-not-import-features',
      severity: 'error',
      from: { path: '^renderer/(state|api)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^renderer/(features|app)/' },
    },
    {
      name: 'features-do-not-import-app',
      severity: 'error',
      from: { path: '^renderer/features/', pathNot: '\\.test\\.ts$' },
      to: { path: '^renderer/app/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.node.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.vue', '.json', '.mjs', '.cjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
