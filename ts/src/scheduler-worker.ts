/** The file that the thread of a scheduler begins with. */
import { runScheduler } from './run-scheduler.js'

runScheduler()
