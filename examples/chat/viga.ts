/** The one place that knows where viga is. In a program of your own this file is not there: it imports from 'viga'. */
export * from '../../ts/src/index.js'
