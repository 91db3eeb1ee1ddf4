/** How `npm run dev` prints the log: one line for each request, and errors with their stack. */
module.exports = {
  translateTime: 'SYS:HH:MM:ss.l',
  singleLine: true,
  ignore: 'reqId,method,path,route,statusCode,responseTime,remoteAddress',
  messageFormat({ method, path, statusCode, responseTime, msg, reqId }) {
    const request =
      responseTime === undefined ? [] : [method, path, statusCode, `${Number(responseTime).toFixed(1)} ms`]
    const words = [...request, msg, reqId].filter((word) => word !== undefined)
    return words.join(' ').replaceAll(/\p{Cc}/gu, ' ') // control characters could rewrite the terminal
  }
}
