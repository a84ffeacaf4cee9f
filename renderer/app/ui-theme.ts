/**
 * Theme of the component library for this console: 13-px controls, 16-px icons, borders instead of shadows,
 * one focus ring. The build reads it (electron.vite.config.ts), so it must not import anything that needs a browser.
 */
export const uiTheme = {
  colors: { primary: 'indigo', neutral: 'zinc' },
  button: {
    slots: {
      base: 'font-medium focus-ring cursor-default whitespace-nowrap disabled:opacity-50 aria-disabled:opacity-50',
    },
    variants: {
      size: {
        sm: {
          base: 'h-7 px-2 py-0 text-xs gap-1.5',
          leadingIcon: 'size-3.5',
          trailingIcon: 'size-3.5',
        },
        md: {
          base: 'h-8 px-3 py-0 text-sm gap-1.5',
          leadingIcon: 'size-4',
          trailingIcon: 'size-4',
        },
      },
      square: { true: 'aspect-square justify-center px-0' },
    },
    compoundVariants: [
      {
        color: 'primary' as const,
        variant: 'solid' as const,
        class: 'hover:bg-accent-strong active:bg-accent-strong',
      },
      {
        color: 'error' as const,
        variant: 'solid' as const,
        class: 'hover:bg-error-strong active:bg-error-strong',
      },
    ],
    defaultVariants: { size: 'md' as const },
  },
  input: {
    slots: { root: 'w-full', base: 'focus-ring-field', leadingIcon: 'size-4 text-dimmed' },
    variants: { size: { md: { base: 'h-8 py-0 text-sm', leadingIcon: 'size-4' } } },
  },
  inputNumber: { slots: { base: 'focus-ring-field' } },
  textarea: { slots: { root: 'w-full', base: 'focus-ring-field' } },
  select: {
    slots: { base: 'h-8 focus-ring-field', content: 'border border-default shadow-overlay' },
  },
  modal: {
    slots: {
      // A confirmation about a sheet's content is stacked above the sheet.
      overlay: 'z-40',
      content: 'z-50 ring-0 border border-default shadow-overlay',
      header: 'px-5 py-4 min-h-0',
      body: 'px-5 pt-1 pb-2 sm:px-6 sm:pt-1 sm:pb-2',
      footer: 'px-5 py-3 justify-end',
      title: 'text-base font-semibold',
      description: 'text-sm text-muted mt-1',
    },
    variants: {
      fullscreen: { false: { content: 'rounded-xl max-w-md divide-y-0' } },
      overlay: { true: { overlay: 'bg-black/25 dark:bg-black/50' } },
    },
  },
  slideover: {
    slots: {
      overlay: 'bg-black/15 dark:bg-black/40 backdrop-blur-none',
      content: 'ring-0 divide-y-0 shadow-overlay sm:shadow-overlay',
    },
  },
  dropdownMenu: {
    slots: {
      content: 'ring-0 border border-default shadow-overlay min-w-44',
      item: 'cursor-default',
    },
  },
  popover: {
    slots: { content: 'ring-0 border border-default shadow-overlay rounded-lg bg-raised' },
  },
  checkbox: { slots: { wrapper: 'min-w-0', label: 'font-normal text-default break-words' } },
  switch: { slots: { wrapper: 'min-w-0' } },
  formField: { slots: { label: 'font-medium text-toned', help: 'text-xs', error: 'text-xs mt-1' } },
  tooltip: {
    slots: {
      content:
        'h-auto min-h-6 px-2 py-1 text-xs ring-0 border border-default shadow-overlay max-w-80',
    },
  },
  toast: { slots: { root: 'ring-0 border border-default shadow-overlay rounded-lg' } },
  commandPalette: { slots: { root: 'divide-default' } },
}
