/** What other rooms may use of devices: state and words. */
export { useDevicesStore } from './devices-store.ts'
export { lookOfDevice } from './devices.ts'
export { useEnrollmentsStore } from './enrollments-store.ts'
