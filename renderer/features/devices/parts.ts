/** Components of the devices feature that other features may import. */
export { default as DevicePicker } from './DevicePicker.vue'
