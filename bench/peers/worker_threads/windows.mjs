/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { settled } from '../figures.mjs'

/** Sends `count` windows to `worker`, each followed by 'acknowledge'; at most `ahead` of them unanswered. */
export function windows(worker, count, ahead, send) {
  const end = settled()
  let sent = 0
  let acknowledged = 0
  const next = () => {
    while (sent < count && sent - acknowledged < ahead) {
      send()
      worker.postMessage('acknowledge')
      sent++
    }
  }
  const listen = () => {
    acknowledged++
    if (acknowledged < count) return next()
    worker.off('message', listen)
    end.resolve()
  }
  worker.on('message', listen)
  next()
  return end.promise
}
