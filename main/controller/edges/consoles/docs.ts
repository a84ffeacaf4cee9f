/**
 * The description of the REST surface: `/openapi.json`, and `/docs` for reading. Both come from the contract's table alone, so a
 * separate application answers them, without a socket. It is loaded at the first request, because it is rarely used and a large
 * part of the controller's code.
 */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import { ErrorReply } from '#shared/contract/errors.ts'
import type { Route } from '#shared/contract/rest/route.ts'

const fileReply = (media: string) => ({
  description: 'The file',
  content: { [media]: { schema: media.startsWith('text/') ? z.string() : z.file() } },
})

function openApiSchema(name: RouteName, route: Route) {
  return {
    operationId: name,
    summary: route.summary,
    tags: [name.split('.')[0]!],
    ...(route.params && { params: route.params }),
    ...(route.query && { querystring: route.query }),
    ...(route.body && { body: route.body }),
    ...(route.form && { body: route.form, consumes: ['multipart/form-data'] }),
    ...(route.access !== 'none' && { security: [{ bearer: [] }] }),
    response: {
      200: route.media ? fileReply(route.media) : route.reply,
      '4xx': ErrorReply,
      '5xx': ErrorReply,
    },
  }
}

/** Answers GET /openapi.json and everything below /docs through `inject`; it cannot reach the controller. */
export async function createDocs(version: string): Promise<FastifyInstance> {
  const app = Fastify()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'DeployX', version },
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    transform: jsonSchemaTransform,
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  for (const name of Object.keys(rest) as RouteName[]) {
    const route: Route = rest[name]
    const { method, path: url } = route
    // Only described, never called: a request here gets 404.
    const handler = (_request: unknown, reply: FastifyReply): void => reply.callNotFound()
    app.route({ method, url, schema: openApiSchema(name, route), handler })
  }
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.ready()
  return app
}
