/** The reference of `serve.ts`: Debian's nginx with one worker, serving the same file over TLS. */
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Nginx = {
  port: number
  version: string
  cpuMs: () => number
  stop: () => Promise<void>
}

const START_MS = 10_000
const HZ = 100 // USER_HZ, the unit of the times in /proc

/**
 * The nginx executable: from PATH, or unpacked from Debian's package into `folder`. Installs nothing and
 * starts no service. @throws Error with one line that says what to do if nginx is not available
 */
function findNginx(folder: string): string {
  const known = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync)
  if (known) return known
  const get = (...packages: string[]) =>
    execFileSync('apt-get', ['download', '-qq', ...packages], {
      cwd: folder,
      stdio: 'ignore',
      timeout: 60_000,
    })
  try {
    mkdirSync(folder, { recursive: true })
    try {
      get('nginx')
    } catch {
      execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', timeout: 120_000 })
      get('nginx')
    }
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb')))
      execFileSync('dpkg-deb', ['-x', file, 'root'], { cwd: folder, timeout: 60_000 })
    const program = join(folder, 'root', 'usr', 'sbin', 'nginx')
    execFileSync(program, ['-v'], { stdio: 'ignore', timeout: 5_000 })
    return program
  } catch {
    throw new Error('the reference needs nginx: sudo apt-get install -y nginx-light')
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** CPU time of these processes so far. */
function cpuMsOf(pids: number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + ((Number(fields[11]) + Number(fields[12])) * 1000) / HZ
  }, 0)
}

export async function startNginx(options: {
  file: string
  path: string
  key: string
  cert: string
}): Promise<Nginx> {
  if (process.platform !== 'linux')
    throw new Error('the reference, nginx, is measured on Linux only')
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-nginx-'))
  const clean = () => rmSync(folder, { recursive: true, force: true })
  try {
    const program = findNginx(join(folder, 'package'))
    const port = await freePort()
    writeFileSync(join(folder, 'key.pem'), options.key, { mode: 0o600 })
    writeFileSync(join(folder, 'cert.pem'), options.cert)
    const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
${temps.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    ssl_protocols TLSv1.3;
    location = ${options.path} { alias ${options.file}; }
  }
}
`,
    )
    const child = spawn(
      program,
      ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
      {
        stdio: 'ignore',
      },
    )
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const workers = () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number)
    for (
      let waited = 0;
      !existsSync(join(folder, 'nginx.pid')) || workers().length === 0;
      waited += 50
    ) {
      if (waited > START_MS || child.exitCode !== null) {
        child.kill()
        throw new Error(
          `nginx did not start: ${readFileSync(join(folder, 'error.log'), 'utf8').slice(0, 300)}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return {
      port,
      version: versionOf(program),
      cpuMs: () => cpuMsOf(workers()),
      stop: async () => {
        child.kill('SIGTERM')
        await ended
        clean()
      },
    }
  } catch (error) {
    clean()
    throw error
  }
}

/** nginx prints its version to stderr. */
function versionOf(program: string): string {
  const text = execFileSync('sh', ['-c', '"$0" -v 2>&1', program], { encoding: 'utf8' })
  return text.replace(/^nginx version: /, '').trim()
}
