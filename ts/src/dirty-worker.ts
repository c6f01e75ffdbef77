/** The file that the threads of the dirty pools begin with. */
import { runDirtyWorker } from './run-dirty-worker.js'

runDirtyWorker()
