/** State and texts of the devices feature that other features may import. */
export { useDevicesStore } from './devices-store.ts'
export { devicesMatching, onlineIds } from './device-picker.ts'
export { lookOfDevice } from './devices.ts'
export { useEnrollmentsStore } from './enrollments-store.ts'
