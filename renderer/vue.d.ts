/** For tools without Vue support: the type of an imported component. */
declare module '*.vue' {
  import type { Component } from 'vue'
  const component: Component
  export default component
}
