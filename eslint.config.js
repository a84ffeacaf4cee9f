import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import prettier from 'eslint-config-prettier'
import { noUnboundedRegex } from './build/eslint-rules/no-unbounded-regex.ts'

const electronInterprocess = {
  name: 'electron',
  importNames: ['ipcMain', 'ipcRenderer'],
  message:
    'IPC goes through the typed bridge only: main/desktop/bridge.ts and main/preload/index.ts.',
}

const namedExportsOnly = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' }

/**
 * Time and randomness are passed in (shared/node/clock.ts, shared/node/random.ts), so that a test can simulate a whole
 * controller and its agents, and repeat a run exactly.
 */
const byPorts = {
  'no-restricted-globals': [
    'error',
    ...[
      'setTimeout',
      'setInterval',
      'setImmediate',
      'clearTimeout',
      'clearInterval',
      'clearImmediate',
      'performance',
      'crypto',
      // All of them are its properties too.
      'globalThis',
    ].map((name) => ({ name, message: 'Use the Clock or the Random that is passed in.' })),
  ],
  'no-restricted-properties': [
    'error',
    ...[
      ['Date', 'now'],
      ['Math', 'random'],
      ['AbortSignal', 'timeout'],
      ['process', 'hrtime'],
      ['process', 'uptime'],
    ].map(([object, property]) => ({
      object,
      property,
      message: 'Use the Clock or the Random that is passed in.',
    })),
  ],
  'no-restricted-syntax': [
    'error',
    namedExportsOnly,
    {
      selector: "NewExpression[callee.name='Date'][arguments.length=0]",
      message: 'Use the Clock that is passed in: new Date(clock.wallMs()).',
    },
  ],
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      paths: [
        ...['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({
          name,
          message: 'Use the Clock that is passed in.',
        })),
        {
          name: 'node:os',
          importNames: ['uptime', 'default'],
          message: 'Use the Clock that is passed in.',
        },
        {
          name: 'node:crypto',
          importNames: [
            'randomBytes',
            'randomFill',
            'randomFillSync',
            'randomInt',
            'randomUUID',
            'getRandomValues',
          ],
          message: 'Use the Random that is passed in.',
        },
      ],
      patterns: [
        {
          regex: '/node/(clock|random)\\.ts$',
          importNames: ['systemClock', 'systemRandom'],
          message: 'Only entry points choose the clock and the randomness.',
        },
      ],
    },
  ],
}

/** Rules that hold in every runtime. A violation is an error: a rule that only warns is not a rule. */
export default tseslint.config(
  { ignores: ['out/**', 'dist/**', 'node_modules/**', '**/*.d.ts', 'test-results/**'] },
  ...tseslint.configs.recommendedTypeChecked,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.ts', '**/*.vue'],
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        project: ['./tsconfig.node.json', './tsconfig.agent.json', './tsconfig.web.json'],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-restricted-imports': ['error', { paths: [electronInterprocess] }],
      'no-restricted-syntax': ['error', namedExportsOnly],
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        namedExportsOnly,
        {
          // The third argument of `it`, or the second of a hook.
          selector:
            'ExpressionStatement > CallExpression[callee.name=/^(it|test|describe)$/] > Literal[value<240000], ExpressionStatement > CallExpression[callee.type="CallExpression"][arguments.2.value<240000], ExpressionStatement > CallExpression[callee.name=/^(before|after)(All|Each)$/] > Literal[value<240000]',
          message:
            'On a loaded machine a test takes longer. The default limit (vitest.config.ts) ends a failing one.',
        },
      ],
    },
  },
  {
    files: ['**/*.vue'],
    rules: {
      'vue/no-v-html': 'error',
      'vue/multi-word-component-names': 'off',
      'no-restricted-syntax': 'off',
      'vue/require-default-prop': 'off',
    },
  },
  {
    // Texts are in the message files, so that they can be translated. Signs need no translation.
    files: ['renderer/**/*.vue'],
    rules: {
      'vue/no-bare-strings-in-template': [
        'error',
        {
          allowlist: [
            'DeployX',
            '·',
            '–',
            '…',
            ':',
            ',',
            '.',
            ';',
            '(',
            ')',
            '/',
            '+',
            '%',
            '→',
            '0',
            '1',
            '22:00',
            '{00000000-0000-0000-0000-000000000000}',
          ],
          attributes: {
            '/.+/': [
              'title',
              'label',
              'description',
              'text',
              'help',
              'legend',
              'action',
              'placeholder',
              'none',
              'hint',
              'alt',
              'aria-label',
              'aria-description',
              'aria-placeholder',
              'aria-roledescription',
              'aria-valuetext',
            ],
          },
          directives: ['v-text'],
        },
      ],
    },
  },
  {
    // A rename that is not flushed is undone by a power cut, and leaves an empty file where the bytes were not.
    files: ['main/**/*.ts', 'agent/**/*.ts', 'shared/node/**/*.ts'],
    ignores: [
      '**/*.test.ts',
      'main/controller/test-kit/**',
      'main/lib/durable-file.ts',
      'main/controller/slices/content/disk.ts',
      'agent/lib/atomic-file.ts',
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            electronInterprocess,
            ...['node:fs', 'node:fs/promises'].map((name) => ({
              name,
              importNames: ['rename', 'renameSync'],
              message:
                'Rename through main/lib/durable-file.ts or agent/lib/atomic-file.ts, which flush to the disk.',
            })),
          ],
        },
      ],
    },
  },
  {
    files: ['main/desktop/bridge.ts', 'main/preload/index.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    files: ['agent/**/*.ts'],
    ignores: [
      '**/*.test.ts',
      '**/test-kit/**',
      // Entry points: they pass in the system's clock and randomness.
      'agent/main.ts',
      'agent/cli/**',
      // Processes of their own, which outlive the agent.
      'agent/supervisor/!(client|shell-client).ts',
      // They wait for programs, processes and drives of the PC, which a simulation replaces as a whole.
      'agent/detect/script.ts',
      'agent/install/linux/*.ts',
      'agent/inventory/{linux,macos,windows}/*.ts',
      'agent/inventory/reading.ts',
      'agent/lib/processes.ts',
      'agent/lib/run-command.ts',
      'agent/service/managers.ts',
      // The names of files that nothing reads again.
      'agent/identity/state-folder.ts',
      'agent/lib/atomic-file.ts',
      'agent/lib/set-aside.ts',
    ],
    rules: byPorts,
  },
  {
    files: ['main/{controller,desktop}/**/*.ts'],
    ignores: [
      '**/*.test.ts',
      '**/test-kit/**',
      // They provide the system's clock and randomness.
      'main/controller/base/clock.ts',
      'main/controller/compose/index.ts',
      // Threads of their own, which no order of events depends on.
      'main/controller/**/*worker.ts',
      'main/controller/slices/inspection/readers/**/*.ts',
      // Keys and certificates are made and sealed in such a thread, or before the controller has a clock.
      'main/controller/base/{self-signed,vault}.ts',
      'main/controller/edges/consoles/console-tls.ts',
      'main/controller/slices/identity/{inspect-keys,key-files,keys,restore,sealing}.ts',
      // What a start does to the data folder before there is a controller.
      'main/controller/slices/check/start.ts',
      'main/controller/store/{data-folder,free-space}.ts',
    ],
    rules: byPorts,
  },
  {
    // Command-line programs talk to their terminal, configuration files have a default export by contract.
    files: ['build/**', 'bench/**', 'e2e/**', '*.config.ts', '**/cli.ts', '**/cli/**'],
    rules: { 'no-console': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    // Where foreign files and names are read.
    files: ['main/**/*.ts', 'shared/**/*.ts', 'agent/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.cases.ts', '**/test-kit/**', '**/scenarios/**'],
    plugins: { deployx: { rules: { 'no-unbounded-regex': noUnboundedRegex } } },
    rules: { 'deployx/no-unbounded-regex': 'error' },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    ...tseslint.configs.disableTypeChecked,
  },
  prettier,
)
