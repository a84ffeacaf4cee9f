/** For tools that read TypeScript alone: what an import of a component is. */
declare module '*.vue' {
  import type { Component } from 'vue'
  const component: Component
  export default component
}
