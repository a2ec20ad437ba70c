/** `/` and `/assets`: the dashboard's page. Open to all, as there is no data in it; what it shows comes from `/api`. */
import { type Response, Router } from 'express'
import { loadPage, type Page } from './page-assets.ts'

export function pageRouter(): Router {
  let loading: Promise<Page> | undefined
  const router = Router()

  /** Made at the first request: most receivers are never looked at. */
  function page(): Promise<Page> {
    loading ??= loadPage().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }

  router.get('/', async (_request, response) => {
    const { html, policy } = await page()
    secure(response).setHeader('content-security-policy', policy)
    response.setHeader('cache-control', 'no-cache')
    response.type('html').send(html)
  })
  router.get('/assets/:version/*path', async (request, response, next) => {
    const { version, assets } = await page()
    const { path } = request.params as unknown as { path: string[] }
    const asset = request.params.version === version ? assets.get(path.join('/')) : undefined
    if (!asset) return next()
    secure(response).setHeader('cache-control', 'public, max-age=31536000, immutable')
    response.setHeader('content-type', asset.type)
    response.send(asset.body)
  })
  return router
}

function secure(response: Response): Response {
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('referrer-policy', 'no-referrer')
  return response
}
