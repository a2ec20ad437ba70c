/** Asks for the token, and changes it for a session; the token itself is not kept. */
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'
import { giveToken } from './requests.ts'

export function TokenForm({ given }: { given: () => void }) {
  const [problem, say] = useState('')
  const [busy, work] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('token') as HTMLInputElement
    work(true)
    const answer = await giveToken(field.value).catch(() => null)
    work(false)
    if (answer) return given()
    say(answer === null ? 'The receiver does not answer. Try again.' : wrong)
    field.select()
  }
  return html`
    <section class="card token" aria-labelledby="token-title">
      <h2 id="token-title">This receiver asks for its token</h2>
      <p id="token-hint">It was started with <code>--token</code> or <code>HEARTLINE_TOKEN</code>. The browser keeps a session for 12 hours, not the token.</p>
      <form onSubmit=${submit}>
        <label for="token">Token</label>
        <div class="field">
          <input id="token" name="token" type="password" autocomplete="current-password" required aria-describedby="token-hint token-problem" aria-invalid=${problem !== ''} />
          <button type="submit" class="primary" disabled=${busy}>Open the dashboard</button>
        </div>
        <p id="token-problem" class="problem" role="alert">${problem}</p>
      </form>
    </section>
  `
}

const wrong = 'That is not the token of this receiver.'
