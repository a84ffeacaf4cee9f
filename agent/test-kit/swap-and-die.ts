/**
 * A process that replaces an executable and is killed before the named step, as by a power cut: `EXECUTABLE
 * posix|windows STEP`.
 */
import { placesOf } from '../update/places.ts'
import { swapIn } from '../update/swap.ts'

const [executable, system, step] = process.argv.slice(2)
swapIn(placesOf(executable!), system === 'windows', (now) => {
  if (now === step) process.kill(process.pid, 'SIGKILL')
})
